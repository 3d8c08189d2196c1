from django.db import migrations, models

CACHE_TABLE = """
CREATE TABLE desk_cache (
    cache_key varchar(255) NOT NULL PRIMARY KEY,
    value text NOT NULL,
    expires timestamp with time zone NOT NULL
);
CREATE INDEX desk_cache_expires ON desk_cache (expires);
"""


class Migration(migrations.Migration):
    initial = True
    dependencies: list[tuple[str, str]] = []

    operations = [
        migrations.CreateModel(
            name="ClockOffset",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("offset", models.DurationField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="clock_offset_is_single"),
                ],
            },
        ),
        # The table of Django's database cache, which its own command would make outside of the migrations.
        migrations.RunSQL(CACHE_TABLE, "DROP TABLE desk_cache"),
    ]
