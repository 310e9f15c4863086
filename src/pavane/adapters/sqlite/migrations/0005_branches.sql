-- What a FORK_JOIN_DYNAMIC made at run time (core/decide/fans.py): empty for all other tasks.
ALTER TABLE task ADD COLUMN branch BLOB NOT NULL DEFAULT x'';
