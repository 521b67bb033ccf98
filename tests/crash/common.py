import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "lib"))

import fixtures  # noqa: E402,F401
from dovecot import Dovecot  # noqa: E402,F401
from mailsession_test import (  # noqa: E402,F401
    SANITIZER, Failed, Host, build_directory, environment, symbols)
