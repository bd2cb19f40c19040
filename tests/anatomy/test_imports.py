"""The window's start must not pay for what it does not use yet."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["cof_viewer.anatomy", "cof_viewer.report"])
def test_heavy_libraries_come_late(module):
    heavy = ("scipy", "skimage", "reportlab", "nibabel", "vtkmodules", "torch", "pandas", "PIL")
    code = f"import sys, {module}; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
