"""How main text is taken out of a page, and what one page may cost."""

import dataclasses

GIB = 1024 * 1024 * 1024


@dataclasses.dataclass(frozen=True)
class ExtractConfig:
    """trafilatura's switches as FineWeb sets them, then the caps on one page."""

    favor_precision: bool = True  # FineWeb
    include_comments: bool = False  # FineWeb
    deduplicate: bool = True  # FineWeb; here within a page only, see pipeline.extract.extract
    # Wall-clock seconds. FineWeb's code gives a page 1 s; a clock that tight would let a busy
    # machine decide which pages are kept. A page takes 12 ms in the mean, so 20 s means "never".
    timeout_seconds: float = 20.0
    max_memory_bytes: int = 3 * GIB  # address space of the extracting process
    recycle_pages: int = 5000  # a fresh process after so many pages: parsers grow in memory
