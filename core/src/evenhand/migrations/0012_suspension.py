"""When and why a plugin is suspended for a tenant, and how often it failed lately."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("core", "0011_queue")]

    operations = [
        ops.AddField(
            model_name="TenantPlugin",
            name="failing_since",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(model_name="TenantPlugin", name="failures", field=fields.IntField(default=0, db_default=0)),
        ops.AddField(model_name="TenantPlugin", name="reason", field=fields.TextField(null=True, unique=False)),
        ops.AddField(
            model_name="TenantPlugin",
            name="suspended_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
    ]
