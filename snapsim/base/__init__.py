"""Tools that know nothing of storage: errors, units, checked fields, look-ups by name, atomic writes, random numbers.

Read `errors` (what is raised when input is not allowed, and where it says the fault stands) and `units`; the rest when
another module leads here: `schema` (a file format as a table of fields), `foreign_json` (JSON that others wrote),
`choose` (look a name up in a table), `atomic_write` (a file is written whole or not at all), `splitmix` (random numbers
that are the same everywhere), `shipped` (where the package's own data lie), `lazy` (names that are loaded when they are
first used).

Blocks, files and layers do not live here, nor anything that only one of the higher packages needs.
"""
