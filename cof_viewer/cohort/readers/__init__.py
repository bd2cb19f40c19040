"""Real patients of a user's own: UK Biobank's layout and a plain folder per case become cases of the cohort."""

from cof_viewer.cohort.readers.folders import CaseFolders
from cof_viewer.cohort.readers.ukbiobank import UkBiobank

__all__ = ["CaseFolders", "UkBiobank"]
