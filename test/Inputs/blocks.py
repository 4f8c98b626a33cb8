# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Prints the fenced code blocks of a language in Markdown files: blocks.py LANGUAGE SEPARATOR FILE..."""
import re
import sys

language, separator, *files = sys.argv[1:]
blocks = [block for file in files for block in re.findall(rf"^```{language}\n(.*?)^```$", open(file).read(), re.M | re.S)]
sys.exit(f"no {language} block in {files}") if not blocks else print((separator + "\n").join(blocks))
