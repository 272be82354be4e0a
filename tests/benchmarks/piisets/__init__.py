"""Test sets for the personal-data finders, made by people who have not read the finders."""
