# SPDX-License-Identifier: GPL-3.0-or-later
"""From a sheet of lines to finished files: the manifest, the stages, the cache, the runner and its report."""
