"""A Meltano project, read and told in elt's words: `elt import meltano`.

source.py     meltano.yml with what it includes, lock files, `.env`
plugins.py    a plugin as it runs: inherited, laid over by an environment
shapes.py     what these files must be like
variables.py  `$NAME` in texts, and which values are secrets
taps.py       extractors as `[taps]`, with streams and selection
targets.py    loaders as the warehouse or `[targets]`; dbt as `[transform]`
runs.py       jobs and schedules as lines for cron
states.py     what its database or files say of how far taps were read
project.py    all of it as one elt.toml and one report
"""
