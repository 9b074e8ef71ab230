"""One running system for the tests that only look from outside, and a new one for each test that breaks something."""
import pytest

from kinchaku import System


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A system that a module's tests use one after the other; each opens accounts of its own."""
    system = System(tmp_path_factory.mktemp("system with space"))
    system.up()
    yield system
    system.check_audit()
    system.down()


@pytest.fixture
def alone(tmp_path):
    """A system of one's own: may be configured before `up`, damaged and killed."""
    system = System(tmp_path)
    system.init()
    yield system
    system.down()
