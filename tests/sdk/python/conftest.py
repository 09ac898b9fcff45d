import pytest
import sandbox


@pytest.fixture(scope="module")
def key():
    """Each file has an account of its own."""
    return sandbox.fresh_key()


@pytest.fixture(scope="module")
def api(key):
    return sandbox.client(key).v1


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """A test also fails for any answer, seen while it or its fixtures ran, that Stripe's document does not allow."""
    try:
        outcome = yield
    finally:
        found = sorted(set(sandbox.FINDINGS))
        sandbox.FINDINGS.clear()
        if found:
            item.add_report_section("call", "document", "\n".join(found))
    assert not found, "against Stripe's document:\n" + "\n".join(found)
    return outcome


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"answers held against Stripe's document: {sandbox.SEEN['answers']}")
    if sandbox.WARNINGS:
        terminalreporter.write_line(f"fields unknown to the document, or left out though nullable: {len(sandbox.WARNINGS)}")
        for what, count in sorted(sandbox.WARNINGS.items()):
            terminalreporter.write_line(f"  {count}x {what}")
