#!/usr/bin/env bash
# pgpq 0.12.0 (PyPI), with pyarrow 26.0.1: the table that it proposes for an Arrow schema.
#
# Believed: ArrowToPostgresBinaryEncoder(schema).schema() has TIMESTAMPTZ for timestamps with a time zone, since they are
# instants, and TIMESTAMP for those without one.
# Seen: TIMESTAMP for both:
#
#     timestamp[us]: TIMESTAMP
#     timestamp[us, tz=UTC]: TIMESTAMP
#     timestamp[us, tz=America/Santiago]: TIMESTAMP
#     bytes of the same instant in both zones: equal
#
# The values are those of UTC, whatever the zone. In a table of these columns PostgreSQL takes them for the time of the
# session's zone when it compares them with now(), or with a TIMESTAMPTZ: hours off. The bytes are right for a column
# that was made TIMESTAMPTZ by hand. Fails when one of these lines changes.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check pgpq==0.12.0 pyarrow==26.0.1
"$place/venv/bin/python" - > "$place/seen" <<'PYTHON'
from datetime import datetime, timezone

import pyarrow as pa
from pgpq import ArrowToPostgresBinaryEncoder


def encoded(kind):
    instant = pa.array([datetime(2026, 1, 1, 12, tzinfo=timezone.utc)], pa.timestamp("us", "UTC"))
    batch = pa.record_batch([instant.cast(kind)], names=["observed"])
    encoder = ArrowToPostgresBinaryEncoder(batch.schema)
    column = encoder.schema().columns[0].data_type.ddl()
    return column, encoder.write_header() + encoder.write_batch(batch) + encoder.finish()


kinds = [pa.timestamp("us", zone) for zone in (None, "UTC", "America/Santiago")]
for kind in kinds:
    print(f"{kind}: {encoded(kind)[0]}")
utc, santiago = (encoded(kind)[1] for kind in kinds[1:])
print("bytes of the same instant in both zones:", "equal" if utc == santiago else "different")
PYTHON
cat "$place/seen"
diff "$place/seen" - <<'SEEN'
timestamp[us]: TIMESTAMP
timestamp[us, tz=UTC]: TIMESTAMP
timestamp[us, tz=America/Santiago]: TIMESTAMP
bytes of the same instant in both zones: equal
SEEN
