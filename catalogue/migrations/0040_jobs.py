"""Background jobs: their parts and progress, and the inputs that wait for a worker."""
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalogue', '0048_changed_files'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='RunPart',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('step', models.CharField(choices=[('plan', 'find the inputs'), ('work', 'do inputs'), ('finish', 'end the job')], max_length=6)),
                ('number', models.IntegerField()),
                ('attempts', models.IntegerField(default=0)),
            ],
            options={
                'ordering': ('run', 'number'),
            },
        ),
        migrations.CreateModel(
            name='RunProgress',
            fields=[
                ('run', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='progress', serialize=False, to='catalogue.ingestrun')),
                ('phase', models.CharField(blank=True, max_length=255)),
                ('done', models.BigIntegerField(default=0)),
                ('total', models.BigIntegerField(null=True)),
                ('unit', models.CharField(default='files', max_length=16)),
                ('started', models.DateTimeField(default=django.utils.timezone.now)),
                ('updated', models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='ingestrun',
            name='run_is_finished_unless_running',
        ),
        migrations.AddField(
            model_name='ingestedfile',
            name='part',
            field=models.IntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='ingestedfile',
            name='paths',
            field=models.JSONField(blank=True, default=list, help_text='of the site, to what was registered'),
        ),
        migrations.AddField(
            model_name='ingestedfile',
            name='work',
            field=models.JSONField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='ingestrun',
            name='account',
            field=models.ForeignKey(blank=True, help_text='who started it on the desk or by the API', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='ingestrun',
            name='cancel_requested',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='ingestrun',
            name='dry_run',
            field=models.BooleanField(default=False, help_text='reads and checks everything, writes nothing'),
        ),
        migrations.AddField(
            model_name='ingestrun',
            name='queued',
            field=models.DateTimeField(blank=True, help_text='empty: not a background job', null=True),
        ),
        migrations.AddField(
            model_name='ingestrun',
            name='retry_of',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='retries', to='catalogue.ingestrun'),
        ),
        migrations.AlterField(
            model_name='ingestedfile',
            name='outcome',
            field=models.CharField(choices=[('waiting', 'waiting'), ('added', 'added'), ('changed', 'changed'), ('unchanged', 'unchanged'), ('passed over', 'passed over'), ('failed', 'failed'), ('cancelled', 'cancelled')], max_length=11),
        ),
        migrations.AlterField(
            model_name='ingestrun',
            name='outcome',
            field=models.CharField(choices=[('queued', 'queued'), ('running', 'running'), ('succeeded', 'succeeded'), ('failed', 'failed'), ('interrupted', 'interrupted'), ('cancelled', 'cancelled')], default='running', max_length=11),
        ),
        migrations.AlterField(
            model_name='ingestrun',
            name='started',
            field=models.DateTimeField(default=django.utils.timezone.now),
        ),
        migrations.AddIndex(
            model_name='ingestedfile',
            index=models.Index(fields=['run', 'outcome'], name='file_by_run_and_outcome'),
        ),
        migrations.AddIndex(
            model_name='ingestedfile',
            index=models.Index(condition=models.Q(('outcome', 'waiting')), fields=['run', 'part'], name='file_that_waits'),
        ),
        migrations.AddIndex(
            model_name='ingestrun',
            index=models.Index(condition=models.Q(('outcome__in', ('queued', 'running'))), fields=['outcome'], name='run_that_is_not_over'),
        ),
        migrations.AddConstraint(
            model_name='ingestrun',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('finished__isnull', True), ('outcome__in', ('queued', 'running'))), models.Q(models.Q(('outcome__in', ('queued', 'running')), _negated=True), ('finished__isnull', False)), _connector='OR'), name='run_is_finished_unless_running', violation_error_message='A run that is neither queued nor running has a time when it finished.'),
        ),
        migrations.AddConstraint(
            model_name='ingestrun',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('outcome', 'queued'), _negated=True), ('queued__isnull', False), _connector='OR'), name='queued_run_is_a_job', violation_error_message='Only background jobs are queued.'),
        ),
        migrations.AddField(
            model_name='runpart',
            name='run',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='parts', to='catalogue.ingestrun'),
        ),
        migrations.AddConstraint(
            model_name='runprogress',
            constraint=models.CheckConstraint(condition=models.Q(('done__gte', 0), models.Q(('total__isnull', True), ('total__gte', models.F('done')), _connector='OR')), name='progress_is_within_its_total', violation_error_message='Not more can be done than there is.'),
        ),
        migrations.AddConstraint(
            model_name='runpart',
            constraint=models.UniqueConstraint(fields=('run', 'number'), name='part_has_its_number', violation_error_message='The job has a part of this number.'),
        ),
    ]
