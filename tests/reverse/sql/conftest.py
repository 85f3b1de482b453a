from __future__ import annotations

import pytest
from far_tables import KINDS, FarSide


@pytest.fixture(params=list(KINDS))
def far(request, tmp_path) -> FarSide:
    return FarSide(request.getfixturevalue(request.param), tmp_path)


@pytest.fixture
def far_postgres(postgres, tmp_path) -> FarSide:
    return FarSide(postgres, tmp_path)


@pytest.fixture
def far_mariadb(mariadb, tmp_path) -> FarSide:
    return FarSide(mariadb, tmp_path)


@pytest.fixture
def far_sqlite(sqlite, tmp_path) -> FarSide:
    return FarSide(sqlite, tmp_path)
