"""Is every job of every role walked in the browser, and is what it took told in a table?"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from serving.roles import ROLES
from tests.jobs import JOBS, begun, note, table, taken

WALKED = {
    name.replace("_", " ")
    for path in Path(__file__).parent.glob("test_pages_browser*.py")
    for name in re.findall(r"^def test_(\w+)\(", path.read_text("utf-8"), re.MULTILINE)
}


def test_every_job_has_its_test() -> None:
    assert {test for jobs in JOBS.values() for test in jobs.values()} <= WALKED


def test_every_role_of_a_person_has_jobs() -> None:
    people = {role.replace("_", " ") for role in ROLES} - {"ar system"}
    assert people | {"everybody"} == JOBS.keys()


def test_all_windows_of_a_test_count_together(tmp_path: Path) -> None:
    note(tmp_path, "tests/x.py::test_agreeing_a_plan (call)", Counter(clicks=9))
    begun(tmp_path)
    for keys in (2, 3):
        note(tmp_path, "tests/x.py::test_agreeing_a_plan (call)", Counter(clicks=1, keys=keys))
    note(tmp_path, "tests/x.py::test_each_key[a, b] (call)", Counter(keys=4))
    assert taken(tmp_path) == {"agreeing a plan": (2, 5), "each key[a, b]": (0, 4)}
    for width, clicks in (("phone", 3), ("desk", 2)):  # of several widths that of a desk is told
        note(
            tmp_path, f"tests/x.py::test_finding_the_largest_customer[{width}] (call)", Counter(clicks=clicks)
        )
    lines = {" ".join(line.split()) for line in table(taken(tmp_path))}
    assert {
        "agree a plan 2 5",
        "find the largest customer 2 0",
        "each key[a, b] 0 4",
        "override with a reason not walked",
    } <= lines
