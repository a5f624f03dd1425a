"""Print how often each word of the arguments occurs."""

import sys

from layout import bars
from tally import tally

print(bars(tally(" ".join(sys.argv[1:]))))
