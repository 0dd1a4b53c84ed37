import pytest
from labs import Lab


@pytest.fixture
def new_lab():
    """Makes as many as are asked for."""
    labs = []

    def make():
        labs.append(Lab())
        return labs[-1]

    yield make
    for lab in labs:
        lab.down()
        assert lab.namespaces() == []


@pytest.fixture
def lab(new_lab):
    return new_lab()
