-- Checksums of the blocks of finished files, so that no download ends well unless its bytes are those that were written.

CREATE TABLE artifact_blocks (
    execution_id TEXT NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
    -- Of the claim that wrote the file.
    epoch BIGINT NOT NULL,
    -- The number of the first block that the row is about.
    first_block BIGINT NOT NULL,
    -- SHA-256 of some blocks, one after the other, in hexadecimal. Files without a row were written before there were any.
    sums TEXT NOT NULL,
    PRIMARY KEY (execution_id, epoch, first_block)
);

-- When the file was last found to be damaged or gone.
ALTER TABLE executions ADD COLUMN damage_noted BIGINT;
-- Of the failures, those at which an object store refused the credentials.
ALTER TABLE executions ADD COLUMN refusals BIGINT NOT NULL DEFAULT 0;
