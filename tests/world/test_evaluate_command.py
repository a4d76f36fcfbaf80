"""`craft evaluate --in-process` from its arguments to its exit code."""

import pytest

from craft_nodes.cli import main


def test_quirks_are_a_named_switch(capsys):
    with pytest.raises(SystemExit) as end:
        main(["evaluate", "--in-process", "--help"])
    assert end.value.code == 0
    assert "{none,bench2drive}" in capsys.readouterr().out


@pytest.mark.parametrize(("given", "wanted"), [("--checkpoint", "nowhere"), ("--suite", "elsewhere")])
def test_what_cannot_be_used_is_one_line(given, wanted, tmp_path, capsys):
    assert main(["evaluate", "--in-process", given, wanted, "--output", str(tmp_path / "run")]) == 2
    message = capsys.readouterr().err
    assert message.startswith("craft evaluate: ") and wanted in message and message.count("\n") == 1
    assert not (tmp_path / "run").exists()
