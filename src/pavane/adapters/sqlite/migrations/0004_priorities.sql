-- What waits for workers is handed out by priority.

ALTER TABLE ready ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;

DROP INDEX ready_by_queue;
CREATE INDEX ready_by_queue ON ready (queue, priority, visible_at, execution_id, ref)
    WHERE worker = '' AND queue <> '' AND mark = '';
