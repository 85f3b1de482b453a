from __future__ import annotations

from elt.report.log import words


def test_every_event_of_a_run_reads_as_a_line(story, golden):
    lines = [words(event) for event in story.whole()]

    golden("log_words.txt", "\n".join(line for line in lines if line) + "\n")
