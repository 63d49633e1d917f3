-- How many bytes the files of each tenant have, without looking at the runs themselves.
CREATE INDEX executions_with_file_by_tenant ON executions (tenant_id, byte_count) WHERE artifact_removed IS NULL AND generated IS NOT NULL;
