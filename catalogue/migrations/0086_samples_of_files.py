"""Enters the samples of the files that are there already. Files can be added meanwhile, and not be changed."""

from django.db import migrations

FILL = """
INSERT INTO catalogue_filesample (dataset_id, name, file_id)
SELECT file.dataset_id, sample, file.id
  FROM (SELECT id, dataset_id, samples FROM catalogue_datafile FOR SHARE) AS file, unnest(file.samples) AS sample
 WHERE octet_length(sample) <= 2600
    ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0085_samples")]

    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
