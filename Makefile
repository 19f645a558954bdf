# SPDX-License-Identifier: GPL-3.0-or-later
# Every target sets up what it needs in .venv first (see bootstrap.sh); nothing else on the machine is touched.
PY := .venv/bin/python

.PHONY: help demo test lint zip bench clean

help:
	@echo "make demo   speak a text with the demo head: out/demo.blend, .glb, .mp4, .png   (SAY='your text')"
	@echo "make test   run every test"
	@echo "make lint   ruff and pyright"
	@echo "make zip    the Blender extension, one zip a platform, in dist/"
	@echo "make bench  measure the figures of the README"
	@echo "make clean  remove what was built (the environment stays)"

demo:
	@sh bootstrap.sh demo
	@$(PY) -m demo -o out $(if $(SAY),--text "$(SAY)")

test:
	@sh bootstrap.sh test
	@OMP_NUM_THREADS=1 $(PY) -m pytest $(TESTS)

lint:
	@sh bootstrap.sh test
	@$(PY) -m ruff check . && $(PY) -m ruff format --check . && $(PY) -m pyright --pythonpath $(PY)
	@# the add-on laid out as in the zip; off are the rules that Blender's stubs break (its properties are methods there)
	@rm -rf build/lint && mkdir -p build/lint && cp -r blender_addon build/lint/lipsync3d
	@cp -r backend build/lint/lipsync3d/ && cp tests/architecture/pyright_addon.json build/lint/pyrightconfig.json
	@$(PY) -m pyright --pythonpath $(PY) -p build/lint

zip:
	@sh bootstrap.sh demo
	@$(PY) build_addon.py

bench:
	@sh bootstrap.sh demo
	@$(PY) -m benchmarks

clean:
	rm -rf build dist out
