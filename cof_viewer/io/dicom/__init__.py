"""Cine DICOM in: headers, stacks, phases, kinds, pixels (VIEWER, "Reading cine DICOM").

The rooms follow the rules' order: `headers` reads one frame's facts, `stacks` groups frames into parallel slices,
`timing` orders the phases of a slice, `kinds` says what a stack shows, `pixels` decodes, `build` makes the study.
"""
