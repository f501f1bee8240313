"""Indexes in the order in which an account's lists and the accounts of an industry are read.

Those on the account alone are not needed beside them: each begins with the same columns.
"""

from tortoise import migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from evenhand.db.operations import RunSQL

NARROW = ("contacts", "opportunities", "orders")


class Migration(migrations.Migration):
    dependencies = [("core", "0007_custom_filter")]

    operations = [
        ops.AddIndex(model_name="Account", index=Index(fields=["tenant_id", "industry", "name", "id"])),
        ops.AddIndex(model_name="Contact", index=Index(fields=["tenant_id", "account_id", "name", "id"])),
        ops.AddIndex(model_name="Opportunity", index=Index(fields=["tenant_id", "account_id", "created_at", "id"])),
        ops.AddIndex(model_name="Order", index=Index(fields=["tenant_id", "account_id", "created_at", "id"])),
        RunSQL(
            [f'DROP INDEX "{table}_account_id_idx"' for table in NARROW],
            [f'CREATE INDEX "{table}_account_id_idx" ON "{table}" (tenant_id, account_id)' for table in NARROW],
        ),
    ]
