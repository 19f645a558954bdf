# SPDX-License-Identifier: GPL-3.0-or-later
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
SHARED_DATA = CHECKOUT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data():
    """The folder of real recordings and rigs that measurements are made on."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs the measurement recordings and rigs (../shared/data), which are not part of the project")
    return SHARED_DATA
