#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes .venv from whatever Python is on the machine and installs what a task needs, once.
#
#   bootstrap.sh demo       what `make demo`, `make zip` and `make bench` need (no torch)
#   bootstrap.sh test       the same plus what the tests and the training code need
#   bootstrap.sh libraries  print the Debian packages that Blender needs and this Linux lacks
#
# Python 3.11 goes with Blender 4.5, Python 3.13 with Blender 5.2 (without the training half).
set -eu
cd "$(dirname "$0")"
VENV=.venv

candidates() { # every python3.11, then every python3.13, then every python3, in the order of PATH
  for name in python3.11 python3.13 python3; do
    saved=$IFS; IFS=:
    for folder in $PATH; do
      [ -x "$folder/$name" ] && echo "$folder/$name"
    done
    IFS=$saved
  done
}

make_venv() {
  [ -x $VENV/bin/python ] && $VENV/bin/python -m pip --version >/dev/null 2>&1 && return 0
  tried=""
  for python in $(candidates); do
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
    case $version in 3.11 | 3.13) ;; *) continue ;; esac
    rm -rf $VENV
    if "$python" -m venv $VENV >/dev/null 2>&1 && $VENV/bin/python -m pip --version >/dev/null 2>&1; then
      echo "bootstrap: .venv with Python $version from $python" >&2
      return 0
    fi
    tried="$tried $python"
  done
  rm -rf $VENV
  if [ -n "$tried" ]; then
    echo "bootstrap: found$tried, but cannot make a virtual environment with it." >&2
    echo "  Debian/Ubuntu: apt-get install python3-venv (or python3.11-venv), then run make again." >&2
  else
    echo "bootstrap: needs Python 3.11 (with Blender 4.5) or Python 3.13 (with Blender 5.2); found neither." >&2
    echo "  Debian 12: apt-get install python3 python3-venv    macOS: brew install python@3.11" >&2
  fi
  return 1
}

install_extras() { # TASK EXTRA...
  task=$1; shift
  stamp=$VENV/.installed-$task
  wanted=$(cksum <pyproject.toml)
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && return 0
  $VENV/bin/python - "$@" >$VENV/requirements-"$task".txt <<'PY'
import sys, tomllib
project = tomllib.load(open("pyproject.toml", "rb"))["project"]
extras = project["optional-dependencies"]
print("\n".join(project["dependencies"] + [line for extra in sys.argv[1:] for line in extras[extra]]))
PY
  echo "bootstrap: installing for $task ($*); Blender alone is a download of about 350 MB" >&2
  $VENV/bin/python -m pip install --quiet --disable-pip-version-check -r $VENV/requirements-"$task".txt
  echo "$wanted" >"$stamp"
}

missing_libraries() { # the bpy wheels link these even where nothing is drawn; OpenCV the last
  [ "$(uname -s)" = Linux ] || return 0
  PATH=$PATH:/sbin:/usr/sbin
  while read -r library package; do
    ldconfig -p | grep -q "$library" || echo "$package"
  done <<LIST
libX11.so.6 libx11-6
libXrender.so.1 libxrender1
libXxf86vm.so.1 libxxf86vm1
libXfixes.so.3 libxfixes3
libXi.so.6 libxi6
libxkbcommon.so.0 libxkbcommon0
libSM.so.6 libsm6
libICE.so.6 libice6
libGL.so.1 libgl1
libEGL.so.1 libegl1
libgomp.so.1 libgomp1
libgthread-2.0.so.0 libglib2.0-0
LIST
}

install_libraries() { # in a container one is root and may; anybody else is told the command
  packages=$(missing_libraries | tr '\n' ' ')
  [ -z "$packages" ] && return 0
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "bootstrap: apt-get install $packages(libraries that Blender links)" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086
    apt-get install -y -qq --no-install-recommends $packages >/dev/null
  else
    echo "bootstrap: this machine lacks libraries that Blender links; Debian/Ubuntu:" >&2
    echo "  sudo apt-get install $packages" >&2
  fi
}

check_blender() {
  $VENV/bin/python -c 'import bpy' >/dev/null 2>&1 && return 0
  echo "bootstrap: Blender (bpy) does not load here:" >&2
  $VENV/bin/python -c 'import bpy' 2>&1 | tail -n 1 >&2
  return 1
}

case "${1:-}" in
  libraries) missing_libraries ;;
  demo)
    make_venv
    install_libraries
    install_extras demo inference speech blender demo
    check_blender ;;
  test)
    make_venv
    install_libraries
    install_extras demo inference speech blender demo
    if $VENV/bin/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
      install_extras test inference speech piper blender demo tracking training farm dev
    else
      echo "bootstrap: Python 3.13: the training half is for 3.11, its tests will be skipped" >&2
      install_extras test inference speech piper blender demo farm dev
    fi
    check_blender ;;
  *) sed -n '3,9p' "$0"; exit 2 ;;
esac
