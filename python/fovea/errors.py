# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the compiler and the runtime report, as Python exceptions."""


class Error(RuntimeError):
    """A refusal by the compiler or the runtime.

    status    the C status, for example "UNSUPPORTED"
    location  "FILE:LINE:COL" in the module text, or "" when the error has no place there
    """

    def __init__(self, message, status="INTERNAL", location=""):
        super().__init__(f"{location}: {message}" if location else message)
        self.status = status
        self.location = location


class InvalidError(Error, ValueError):
    """The arguments, their shapes or the module text are wrong (status INVALID or OUT_OF_RANGE)."""


def from_status(status, message, location):
    """The exception for a C status; called by the extension."""
    kind = InvalidError if status in ("INVALID", "OUT_OF_RANGE") else Error
    return kind(message, status, location)
