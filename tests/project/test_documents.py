"""What the documents name is there: files, commands and options."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from cytoshift.cli.app import app

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
COMMAND = re.compile(r"^cytoshift .+$", re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files(document: Path) -> None:
    links = [link for link in LINK.findall(document.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (document.parent / link).exists()] == []


def commands() -> list[tuple[str, ...]]:
    """Return every group of words up to the first argument, with the options named after it."""
    found: set[tuple[str, ...]] = set()
    for document in DOCUMENTS:
        for line in COMMAND.findall(document.read_text(encoding="utf-8")):
            words = shlex.split(line.replace("[", "").replace("]", "").replace("...", ""), posix=False)[1:]
            path: list[str] = []
            while words and words[0].islower() and re.fullmatch(r"[a-z|]+", words[0]) and len(path) < 2:
                path.append(words.pop(0))
            options = sorted(word for word in words if word.startswith("--"))
            heads = [[path[0], last] for last in path[1].split("|")] if len(path) > 1 else [path]
            found |= {(*head, *options) for head in heads}
    return sorted(found)


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_commands_and_options_exist(words: tuple[str, ...]) -> None:
    here: Any = typer.main.get_command(app)
    for word in words:
        if word.startswith("--"):
            assert any(word in option.opts + option.secondary_opts for option in here.params)
        else:
            here = here.commands[word]


def test_the_readme_names_both_commands_that_run() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.search(r"^python3 -m venv .*\.venv/bin/tox -e demo$", text, re.MULTILINE)
    assert re.search(r"^python3 -m venv .*\.venv/bin/tox$", text, re.MULTILINE)


def test_every_document_is_linked_from_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in (ROOT / "docs").glob("*.md") if f"docs/{path.name}" not in text] == []
