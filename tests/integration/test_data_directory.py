"""A data directory belongs to one process at a time, and is free again however that process ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infrastructure.local.data_directory import DataDirectoryInUse, data_directory
from tests.architecture.sources import ROOT

HOLD_IT = """
import sys, pathlib
from infrastructure.local.data_directory import data_directory
with data_directory(pathlib.Path(sys.argv[1])):
    print("mine", flush=True)
    sys.stdin.read()
"""


def test_the_directory_is_made_and_may_be_had_again_and_again(tmp_path: Path) -> None:
    for _ in range(2):
        with data_directory(tmp_path / "a" / "b") as directory:
            assert directory.is_dir()


def test_a_second_user_is_told_who_has_it(tmp_path: Path) -> None:
    with data_directory(tmp_path):
        with pytest.raises(DataDirectoryInUse, match=rf"{tmp_path} is in use by process {os.getpid()}\."):
            data_directory(tmp_path).__enter__()
    with data_directory(tmp_path):
        pass


def test_a_process_that_was_killed_leaves_it_free(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD_IT, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"mine\n"
        with pytest.raises(DataDirectoryInUse, match=f"process {holder.pid}"):
            data_directory(tmp_path).__enter__()
        holder.kill()
        holder.wait()
        with data_directory(tmp_path):
            pass


def test_a_directory_that_cannot_be_made_is_an_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        data_directory(tmp_path / "file" / "below").__enter__()
