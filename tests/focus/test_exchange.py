"""Targets files: what is written comes back, and what is broken is named."""

import json

import pytest

from synthetic_focus.focus import FocusTarget, PullOptions
from synthetic_focus.focus.exchange import FocusPlan, TargetsFileError, dumps, load, loads

PLAN = FocusPlan(
    targets=(
        FocusTarget(0.25, 0.5, -3.5, follow=False, hold="weak"),
        FocusTarget(0.75, 0.5, 60, pull_frames=24),
    ),
    options=PullOptions(pull_frames=12, ease=0.5),
    first=-3,
    curve=(0.5, 0.25),
)


def test_a_plan_survives_writing_and_reading():
    assert loads(dumps(PLAN)) == PLAN


def test_a_mark_at_the_beginning_of_the_file_is_no_fault(tmp_path):
    path = tmp_path / "targets.json"
    path.write_text(dumps(PLAN), "utf-8-sig")
    assert load(path) == PLAN


def test_targets_come_back_in_the_order_of_time():
    document = json.loads(dumps(PLAN))
    document["targets"].reverse()
    assert loads(json.dumps(document)).targets == PLAN.targets


def broken(change):
    document = json.loads(dumps(PLAN))
    change(document)
    return json.dumps(document)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        (dumps(PLAN)[:100], "not JSON: .* in line"),
        ("[]", "not a targets file"),
        (100_000 * "[", "not JSON that any targets file would hold"),
        (dumps(PLAN).replace("60", 5000 * "6"), "not JSON that any targets file would hold"),
        (dumps(PLAN).replace("60", 400 * "6"), '"frame" of target 2 is 666'),
        (broken(lambda d: d.update(version=2)), "has version 2 and this is version 1"),
        (broken(lambda d: d.update(targets=[])), "no focus target"),
        (broken(lambda d: d.update(targets={})), 'no list "targets"'),
        (broken(lambda d: d["targets"].append(3)), "target 3 is not an object"),
        (broken(lambda d: d["targets"][1].pop("x")), "target 2 lacks x"),
        (broken(lambda d: d["targets"][0].update(x="left")), '"x" of target 1 is "left"'),
        (broken(lambda d: d["targets"][0].update(y=float("nan"))), '"y" of target 1 is NaN'),
        (broken(lambda d: d["targets"][0].update(x=1.5)), "outside the picture"),
        (broken(lambda d: d["targets"][0].update(follow=1)), '"follow" of target 1 is 1'),
        (broken(lambda d: d["targets"][0].update(frame=60)), "two focus targets are at frame 60"),
        (broken(lambda d: d["targets"][0].update(z=0)), 'target 1 has the unknown field "z"'),
        (broken(lambda d: d["options"].update(ease=7)), "ease is 7"),
        (broken(lambda d: d["curve"].update(disparity=[0, None])), '"curve" needs'),
    ],
)
def test_a_broken_file_is_named_with_the_place_that_is_wrong(text, message, tmp_path):
    path = tmp_path / "targets.json"
    path.write_text(text)
    with pytest.raises(TargetsFileError, match=message) as caught:
        load(path)
    assert "targets.json" in str(caught.value)


def test_a_missing_or_binary_file_is_said_to_be_one(tmp_path):
    with pytest.raises(TargetsFileError, match=r"no\.json cannot be read: No such file"):
        load(tmp_path / "no.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TargetsFileError, match="not a text file"):
        load(tmp_path / "binary.json")
