"""Secret settings of plugins, sealed, beside the others."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("core", "0009_notifications")]

    operations = [
        ops.AddField(
            model_name="TenantPlugin",
            name="secrets",
            field=fields.JSONField(default=dict, db_default={}),
        ),
    ]
