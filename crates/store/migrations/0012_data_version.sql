-- The version of the Delta table that a file was made of; null for plain files.
ALTER TABLE executions ADD COLUMN data_version BIGINT;
