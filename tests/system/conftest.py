import os
import pathlib
import signal
import tempfile

import pytest
from control_plane import ControlPlane
from labs import Lab
from nodes import FLAVOURS, Node
from worlds import World


def pytest_configure():
    """Who is told to end takes the labs down first, as on Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def own_lock():
    """iptables locks the whole machine, though labs share nothing with it: nobody waits for them."""
    with tempfile.TemporaryDirectory() as directory:
        os.environ["XTABLES_LOCKFILE"] = str(pathlib.Path(directory) / "xtables.lock")
        yield


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


@pytest.fixture
def new_node():
    """Makes a node of a flavour; as many as are asked for."""
    nodes = []

    def make(flavour):
        nodes.append(Node(flavour))
        return nodes[-1]

    yield make
    for node in nodes:
        node.done()


@pytest.fixture(params=FLAVOURS)
def node(request, new_node):
    return new_node(request.param)


@pytest.fixture(scope="session")
def control_plane():
    """Starts when a test first asks for it, which takes a few seconds."""
    made = ControlPlane()
    yield made
    made.remove()


@pytest.fixture
def plane(control_plane):
    """An API server with a cluster in which there is nothing yet."""
    control_plane.fresh()
    return control_plane


@pytest.fixture
def new_world(plane, new_node):
    """Makes a world with a node of a flavour, whose agent is not started yet."""
    worlds = []

    def make(flavour="nft", *flags, **more):
        worlds.append(World(plane, new_node(flavour), *flags, **more))
        return worlds[-1]

    yield make
    for world in worlds:
        world.done()


@pytest.fixture(params=FLAVOURS)
def world(request, new_world):
    """Whose agent enforces, in each flavour."""
    made = new_world(request.param)
    made.start()
    return made


@pytest.fixture
def nft_world(new_world):
    made = new_world()
    made.start()
    return made
