"""`python -m flows.cli`: what `crawl2chat` is where no script of that name is installed."""

import sys

from flows.cli.entry import main

sys.exit(main())
