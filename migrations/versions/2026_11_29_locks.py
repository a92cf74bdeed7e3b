"""The locks of ssdb as rows of a table, which a role that only reads cannot lock (PostgreSQL).

Revision ID: 20261129
Revises: 20261128
"""

from alembic import op

revision = '20261129'
down_revision = '20261128'
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("""CREATE TABLE "SsLock" (
            name text CONSTRAINT "pk_SsLock" PRIMARY KEY,
            made text)""")
        op.execute("""COMMENT ON TABLE "SsLock" IS 'Locks of ssdb, one a row'""")
        op.execute("""COMMENT ON COLUMN "SsLock".name IS 'What is locked with the row'""")
        op.execute("""COMMENT ON COLUMN "SsLock".made IS 'Of partitions: the last that was made'""")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute('DROP TABLE "SsLock"')
