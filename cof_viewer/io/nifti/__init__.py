"""NIfTI in: 4-D cines and 3-D volumes of any orientation, with headers that are not always true.

`container` reads the file, `axes` says which way its voxels run, `clock` what its time means, `reader` judges what
it is and turns it into a stack.
"""

from cof_viewer.io.nifti.reader import NiftiFile, inspect_nifti, load_nifti, read_nifti

__all__ = ["NiftiFile", "inspect_nifti", "load_nifti", "read_nifti"]
