# ruff: noqa: E501 (a table of strings)
"""Categories of text that looks like personal data and mostly is not.

The patterns only choose candidates: they were written from the notations' definitions, not from
any finder, and a snippet's category says nothing about its label.
"""

import re

_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"

PATTERNS: dict[str, str] = {
    "doi": r"\b10\.\d{4,9}/\S+",
    "arxiv_pmid": r"(?i)\b(?:arxiv:?\s*\d{4}\.\d{4,5}|PMI?C?D:?\s*\d{5,8}|arxiv\.org/abs/\S+)",
    "isbn_issn_ean": r"(?i)\b(?:ISBN|ISSN|EAN|97[89][- ]\d)[-: \d]{8,}",
    "journal": r"\b\d{1,4}\s?\(\d{1,3}\)\s?[:,]\s?(?:pp?\.?\s?)?\d{1,5}\s?[-–]\s?\d{1,5}",
    "log_time": r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d|\d\d/[A-Z][a-z]{2}/\d{4}:\d\d",
    "git_ssh_scp": r"\b(?:git|ssh|hg|svn)@[\w.-]+|\b\w{1,30}@[\w.-]{1,60}:[~/\w]|ssh://\S+|\$ ssh .*@",
    "at_handle": r"(?:^|[\s(/])@[A-Za-z][\w-]{2,}(?:[/:.][\w-]+)?",
    "at_in_url": r"https?://[^\s@]{0,90}@\S{1,90}",
    "code_at": r"\w\(?@\w+\.\w+\(|@[a-z_]+\.[a-z_.]+\b|\w @ \w+|\w@\w+\b",
    "credentials_in_code": r"(?i)\b(?:password|token|secret|api_?key)\s*[:=]\s*\S+",
    "version_four": r"\b\d{1,3}\.\d{1,5}\.\d{1,5}\.\d{1,5}\b",
    "version_list": r"(?i)\b(?:v|version|release)?\s?\d+\.\d+\.\d+(?:[-+]?(?:rc|a|b|beta|dev)\d*)?\b",
    "oid_section": r"\b\d{1,2}(?:\.\d{1,5}){4,}\b|§+\s*\d+(?:\.\d+)+|(?i:section)\s+\d+\.\d+\.\d+",
    "price_table": r"[$€£¥]\s?\d[\d.,]*\d|\d[\d.,]*\s?(?:USD|EUR|GBP|CNY|元|€|円)\b",
    "decimal_rows": r"\b(?:\d{1,6}\.\d{1,12}[\s,|&-]+){3,9}",
    "coordinates": r"-?\d{1,3}\.\d{3,8}\s?°?\s?[NS]?,\s*-?\d{1,3}\.\d{3,8}|\d+°\s?\d+['′]",
    "integer_rows": r"\b(?:\d{1,6}[\s,;|]{1,4}){5,20}",
    "grouped_thousands": r"\b\d{1,3}(?:[ ,.\u00a0\u202f]\d{3}){2,}\b",
    "year_rows": r"\b(?:1[89]|20)\d\d(?:[\s,;/–-]+(?:1[89]|20)\d\d){1,}\b",
    "hash": r"\b(?=[0-9a-f]*\d)[0-9a-f]{32,64}\b|\b[0-9a-f]{7,12}\b(?=.{0,20}commit)",
    "uuid": r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
    "base64": r"(?<![\w/+.-])(?=[\w/+]{0,60}\d)(?=[\w/+]{0,60}[A-Z])(?=[\w/+]{0,60}[a-z])[\w/+]{36,200}={0,2}(?![\w/.])",
    "hex_dump": r"(?i)\b(?:[0-9a-f]{2}[ :]){5,}[0-9a-f]{2}\b|(?:\\x[0-9a-f]{2}){4,}|\b(?:0x[0-9a-f]{1,16},\s*){3,20}",
    "colons": r"(?i)\b[0-9a-f]{0,4}::?[0-9a-f]{1,4}(?:::?[0-9a-f]{1,4}){2,}\b|\b\w{1,40}::\w+(?:::\w+)*",
    "cas_part_number": r"\b\d{2,7}-\d{2}-\d\b|\b[A-Z]{1,4}\d{2,}-\d{3,}\b|\b[A-Z]{2,4}-\d{3,6}\b",
    "date_numeric": r"\b\d{1,2}[./-]\d{1,2}[./-](?:19|20)?\d\d\b",
    "date_words": rf"\b{_MONTH}\.? \d{{1,2}},? \d{{4}}\b|\b\d{{1,2}}\.? {_MONTH} \d{{4}}",
    "score_range": r"\b\d{1,3}\s?[-–:]\s?\d{1,3}(?:[,;]\s*\d{1,3}\s?[-–:]\s?\d{1,3})+",
    "opus_number": r"(?i)\b(?:op|opus|no|nr|bwv|k)\.\s?\d+[^.\n]{0,12}\d",
    "verse": r"\b(?:[1-3] )?[A-Z][a-z]+\.? \d{1,3}:\d{1,3}(?:[-–]\d{1,3})?\b",
    "legal": r"\b\d+ (?:U\.S\.C?\.|F\.\dd|C\.F\.R\.|Stat\.|S\.Ct\.)|§ ?\d+-\d+|\bArt(?:icle|\.)? \d+\(\d",
    "law_number": r"\b(?:Nr|No|Law|Act|Aktenzeichen|Reg)\.? ?\d{1,4}[-/]\d{2,5}\b|\b\d-\d{2,4}\.\d{2}\b",
    "phone_like": r"(?<![\d.])\(?\d{2,4}\)?[-. /]\d{3,4}[-. ]\d{3,4}(?![\d.])",
    "plus_digits": r"\+\s?\d[\d ()-]{6,}",
    "long_digits": r"(?<![\d.])\d{9,19}(?![\d.])",
    "postal": r"\b[A-Z]{2} \d{5}(?:-\d{4})?\b|\b\d{4,5} [A-Z][a-z]+(?:,|\n)|〒\d{3}-\d{4}|P\.?O\.? Box \d+",
    "time_range": r"\b\d{1,2}[:.h]\d\d\s?(?:[ap]m)?\s?[-–]\s?\d{1,2}[:.h]\d\d",
    "serial": r"\b(?=[A-Z0-9-]*\d)(?=[A-Z0-9-]*[A-Z])[A-Z0-9]{4,6}(?:-[A-Z0-9]{4,6}){2,}\b"
              r"|\b(?=[A-Z0-9]*\d\d)(?=[A-Z0-9]*[A-Z]{2})[A-Z0-9]{9,20}\b",
    "math": r"\d+\s?[×*^/]\s?\d+\s?[-+=]\s?\d+|\b\d+\s?[-+]\s?\d+\s?[-+=]\s?\d+",
    "pi_digits": r"\b\d\.\d{9,}\b|\b\d+\.\d+[eE][-+]?\d+\b",
    "at_any": r"(?<!\S)[^\s@]{1,40}\s?@\s?\S{1,60}",
    "dotted_ip_like": r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?::\d+|/\d+)?\b",
}  # fmt: skip

CATEGORIES = {name: re.compile(pattern, re.MULTILINE) for name, pattern in PATTERNS.items()}
