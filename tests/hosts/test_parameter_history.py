"""Projects made with one version open with the next, and hosts notice that there is a next.

described.json beside this file is what hosts were last told of the parameters. After a change of
the table, raise `version` in parameters.toml and run this file: it writes the record anew.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from synthetic_focus.parameters import Table, table

RECORD = Path(__file__).with_name("described.json")


def _described(rows: Table) -> dict[str, Any]:
    parameters = {name: asdict(row) for name, row in rows.parameters.items()}
    described = {"version": rows.version, "parameters": parameters}
    read_back: dict[str, Any] = json.loads(json.dumps(described))
    return read_back


def _faults(recorded: dict[str, Any], described: dict[str, Any]) -> list[str]:
    faults = []
    for name, old in recorded["parameters"].items():
        new = described["parameters"].get(name)
        if new is None:
            faults.append(f"{name} is gone: projects store it under that name")
        elif new["type"] != old["type"]:
            faults.append(
                f"{name} was {old['type']} and is {new['type']}: projects hold the former"
            )
        else:
            keys = [[option["key"] for option in row["options"]] for row in (old, new)]
            if keys[1][: len(keys[0])] != keys[0]:
                faults.append(f"{name}: its options moved, and projects store their places")
    if recorded != described and described["version"] <= recorded["version"]:
        faults.append("the table changed: raise its version, or hosts show what they remember")
    return faults


def test_projects_and_hosts_get_along_with_the_table() -> None:
    recorded = json.loads(RECORD.read_text(encoding="utf-8"))
    described = _described(table())
    assert not _faults(recorded, described)
    assert recorded == described, f"record the new version: python {Path(__file__).name}"


def test_what_would_break_projects_is_a_fault() -> None:
    recorded = _described(table())

    def faults(name: str, version: int = 1, **changes: Any) -> list[str]:
        described = json.loads(json.dumps(recorded))
        described["version"] += version
        described["parameters"][name].update(changes)
        return _faults(recorded, described)

    options = recorded["parameters"]["quality"]["options"]
    without = {**recorded, "parameters": {**recorded["parameters"]}}
    del without["parameters"]["f_stop"]
    assert _faults(recorded, without)[0].startswith("f_stop is gone")
    assert faults("f_stop", type="int")[0].startswith("f_stop was double and is int")
    assert "moved" in faults("quality", options=options[::-1])[0]
    assert "moved" in faults("quality", options=options[:-1])[0]
    assert not faults("quality", options=[*options, {"key": "x", "label": "X"}])
    assert not faults("quality", hint="Anew.")
    assert "raise its version" in faults("quality", hint="Anew.", version=0)[0]


if __name__ == "__main__":
    RECORD.write_text(json.dumps(_described(table()), indent=1) + "\n", encoding="utf-8")
