"""One running system for the tests that only look from outside, and a new one for each test that breaks something."""
import pytest

from desk import Desk
from kinchaku import System


def pytest_configure(config):
    config.addinivalue_line("markers", "file_only: long, and nothing in it depends on where the purse is: once is enough")


def pytest_collection_modifyitems(items):
    items[:] = [item for item in items if not (item.get_closest_marker("file_only") and "medium" in item.callspec.params
                                               and item.callspec.params["medium"] == "card")]


@pytest.fixture(scope="session")
def desk(tmp_path_factory):
    """Card readers, virtual ones, that only these tests reach."""
    if not Desk.possible():
        pytest.skip("no network namespaces here, and virtual readers would listen to all the world")
    desk = Desk(tmp_path_factory.mktemp("desk"))
    yield desk
    desk.close()


@pytest.fixture(scope="module")
def medium():
    """What UIMs are: "file" or "card". A module that tries both says so with params."""
    return "file"


def desk_of(request, medium):
    return request.getfixturevalue("desk") if medium == "card" else None


@pytest.fixture(scope="module")
def shared(request, tmp_path_factory, medium):
    """A system that a module's tests use one after the other; each opens accounts of its own."""
    system = System(tmp_path_factory.mktemp("system with space"), desk_of(request, medium))
    system.up()
    yield system
    system.check_audit()
    system.down()


@pytest.fixture
def alone(request, tmp_path, medium):
    """A system of one's own: may be configured before `up`, damaged and killed."""
    system = System(tmp_path, desk_of(request, medium))
    system.init()
    yield system
    system.down()
