"""The schema of the catalog, as numbered migrations.

Each migration runs once in a store, inside the transaction that records it. A released migration is never edited. The
tables follow docs/format.md: a version lists groups, a group lists segments, a segment contains entries, an entry
names a file, a file lists chunks, a chunk has a place in a pack. Each of these relations is indexed in both
directions, so that reading a version and finding unneeded content cost only what they touch.
"""

from __future__ import annotations

from sqlite_utils import Database, Migrations

from artstore.catalog import row_checksums

TABLES = frozenset(
    {
        "aliases",
        "chunks",
        "claims",
        "collections",
        "dependencies",
        "entries",
        "events",
        "file_chunks",
        "files",
        "free",
        "group_segments",
        "history",
        "leases",
        "link_aliases",
        "links",
        "packs",
        "pending",
        "pending_aliases",
        "pending_dependencies",
        "pending_entries",
        "pending_prefixes",
        "pending_runs",
        "products",
        "projects",
        "protected_aliases",
        "quarantine",
        "quarantined_rows",
        "refs",
        "row_checksums",
        "run_files",
        "runs",
        "segment_groups",
        "segments",
        "stat_blocks",
        "stat_cache",
        "stat_folders",
        "store",
        "tags",
        "uses",
        "version_groups",
        "versions",
    }
)
"""The tables that all migrations together create."""

migrations = Migrations("artstore")


def _run(db: Database, script: str) -> None:
    for statement in script.split(";\n"):
        if statement.strip():
            db.conn.execute(statement)


@migrations()
def m001_store(db: Database) -> None:
    """The store itself, and the log of its changes."""
    _run(
        db,
        """
        create table store (
            id integer primary key check (id = 1),
            uid text not null,
            algorithm text not null check (algorithm in ('blake3', 'sha256')),
            created_at text not null
        ) strict;
        create table events (
            id integer primary key,
            at text not null,
            kind text not null,
            subject text not null,
            detail text not null check (json_valid(detail)),
            hash text not null
        ) strict;
        """,
    )


@migrations()
def m002_content(db: Database) -> None:
    """Packs, chunks and files. docs/lifecycle.md has the rules for changing them."""
    _run(
        db,
        """
        create table packs (
            id integer primary key autoincrement,
            name text not null unique,
            "end" integer not null,
            live integer not null default 0 check (live >= 0),
            sealed integer not null default 0 check (sealed in (0, 1))
        ) strict;
        create table chunks (
            id integer primary key autoincrement,
            digest blob not null unique,
            pack integer not null references packs,
            offset integer not null,
            length integer not null check (length > 0),
            size integer not null check (size > 0),
            codec integer not null default 0
        ) strict;
        -- repacking and punching ask what lives in a pack, and what lies beside a range
        create index chunks_by_place on chunks (pack, offset);
        create table files (
            id integer primary key autoincrement,
            digest blob not null unique,
            size integer not null check (size >= 0)
        ) strict;
        -- a run of chunks with consecutive ids is one row, so that another version of a large file costs what changed
        create table file_chunks (
            file integer not null references files,
            position integer not null,
            chunk integer not null references chunks,
            count integer not null check (count between 1 and 256),
            primary key (file, position)
        ) strict, without rowid;
        -- deleting asks whether any file still holds a chunk: as a row of its own, or within a run
        create index file_chunks_by_chunk on file_chunks (chunk);
        create index file_chunks_by_run on file_chunks (chunk, count) where count > 1;
        create table free (
            id integer primary key,
            pack integer not null references packs,
            offset integer not null,
            length integer not null
        ) strict;
        create index free_by_pack on free (pack);
        """,
    )


@migrations()
def m003_manifests(db: Database) -> None:
    """Entries in shared segments, segments in shared groups."""
    _run(
        db,
        """
        create table refs (
            id integer primary key autoincrement,
            identity blob not null unique,
            uri text not null,
            digest text,
            size integer,
            etag text,
            object_version text
        ) strict;
        create table segments (
            id integer primary key autoincrement,
            digest blob not null unique,
            first text not null,
            last text not null,
            entries integer not null,
            size integer not null
        ) strict;
        create table entries (
            segment integer not null references segments,
            path text not null,
            kind integer not null check (kind between 1 and 4),
            executable integer not null default 0 check (executable in (0, 1)),
            file integer references files,
            target text,
            ref integer references refs,
            primary key (segment, path),
            check ((kind = 1) = (file is not null)),
            check ((kind = 2) = (target is not null)),
            check ((kind = 4) = (ref is not null))
        ) strict, without rowid;
        -- "which versions hold this file?", and whether any still does
        create index entries_by_file on entries (file) where file is not null;
        create index entries_by_ref on entries (ref) where ref is not null;
        create table segment_groups (
            id integer primary key autoincrement,
            digest blob not null unique,
            first text not null,
            last text not null,
            segments integer not null,
            entries integer not null,
            size integer not null
        ) strict;
        create table group_segments (
            segment_group integer not null references segment_groups,
            position integer not null,
            segment integer not null references segments,
            primary key (segment_group, position)
        ) strict, without rowid;
        create index group_segments_by_segment on group_segments (segment);
        """,
    )


@migrations()
def m004_versions(db: Database) -> None:
    """Projects, collections and versions, with their aliases, tags and dependencies."""
    _run(
        db,
        """
        create table projects (
            id integer primary key,
            name text not null unique
        ) strict;
        create table collections (
            id integer primary key autoincrement,
            project integer not null references projects,
            name text not null,
            type text not null,
            description text not null default '',
            next_number integer not null default 0,
            created_at text not null,
            unique (project, name)
        ) strict;
        create table versions (
            id integer primary key autoincrement,
            collection integer not null references collections,
            number integer not null,
            digest blob not null,
            manifest blob not null,
            entries integer not null,
            size integer not null,
            state text not null default 'committed' check (state in ('committed', 'deleted')),
            description text,
            metadata text not null default '{}' check (json_valid(metadata)),
            ttl integer check (ttl > 0),
            base integer references versions,
            created_at text not null,
            deleted_at text,
            unique (collection, number)
        ) strict;
        -- `latest` is the newest that lives, however many newer ones were deleted
        create index versions_living on versions (collection, number) where state = 'committed';
        create index versions_with_ttl on versions (created_at) where ttl is not null and state = 'committed';
        create index versions_by_base on versions (base) where base is not null;
        create table version_groups (
            version integer not null references versions,
            position integer not null,
            segment_group integer not null references segment_groups,
            primary key (version, position)
        ) strict, without rowid;
        create index version_groups_by_group on version_groups (segment_group);
        create table aliases (
            collection integer not null references collections,
            name text not null,
            version integer not null references versions,
            primary key (collection, name)
        ) strict, without rowid;
        create index aliases_by_version on aliases (version);
        create table tags (
            version integer not null references versions,
            name text not null,
            primary key (version, name)
        ) strict, without rowid;
        create table dependencies (
            version integer not null references versions,
            target integer not null references versions,
            primary key (version, target)
        ) strict, without rowid;
        create index dependencies_by_target on dependencies (target);
        """,
    )


@migrations()
def m005_leases(db: Database) -> None:
    """Leases and claims: content that open drafts need, as long as the lock file of their process is locked."""
    _run(
        db,
        """
        create table leases (
            id integer primary key autoincrement,
            session text not null,
            purpose text not null,
            created_at text not null
        ) strict;
        create index leases_by_session on leases (session);
        create table claims (
            lease integer not null references leases,
            kind text not null check (kind in ('chunk', 'file', 'version')),
            first integer not null,
            last integer not null check (last >= first),
            primary key (lease, kind, first, last)
        ) strict, without rowid;
        """,
    )


@migrations()
def m006_stat_cache(db: Database) -> None:
    """The content that files on disk had when they were last read, so that unchanged files are not read again.

    Rows may name stored files that were deleted.
    """
    _run(
        db,
        """
        create table stat_folders (
            id integer primary key autoincrement,
            path text not null unique
        ) strict;
        create table stat_cache (
            folder integer not null references stat_folders,
            name text not null,
            device integer not null,
            inode integer not null,
            size integer not null,
            mtime_ns integer not null,
            ctime_ns integer not null,
            file integer not null,
            primary key (folder, name)
        ) strict, without rowid;
        """,
    )


@migrations()
def m007_views(db: Database) -> None:
    """Views for queries that people write: the versions of the store, and their entries."""
    _run(
        db,
        """
        create view artifact_versions as
        select
            projects.name as project,
            collections.name as collection,
            collections.type as type,
            'v' || versions.number as version,
            versions.number as number,
            versions.state as state,
            store.algorithm || ':' || lower(hex(versions.digest)) as digest,
            versions.entries as entries,
            versions.size as size,
            (
                select json_group_array(name) from (
                    select aliases.name from aliases where aliases.version = versions.id
                    union all
                    select 'latest' where versions.number = (
                        select max(living.number) from versions as living
                        where living.collection = versions.collection and living.state = 'committed'
                    )
                )
            ) as aliases,
            (select json_group_array(tags.name) from tags where tags.version = versions.id) as tags,
            versions.description as description,
            versions.metadata as metadata,
            versions.ttl as ttl,
            versions.created_at as created_at,
            versions.deleted_at as deleted_at,
            versions.id as version_id
        from versions
        join collections on collections.id = versions.collection
        join projects on projects.id = collections.project
        join store;
        create view artifact_entries as
        select
            projects.name as project,
            collections.name as collection,
            'v' || versions.number as version,
            versions.number as number,
            entries.path as path,
            case entries.kind when 1 then 'file' when 2 then 'link' when 3 then 'folder' else 'reference' end as kind,
            entries.executable as executable,
            case when files.id is null then refs.digest
                else store.algorithm || ':' || lower(hex(files.digest)) end as digest,
            coalesce(files.size, refs.size) as size,
            entries.target as target,
            refs.uri as uri,
            refs.etag as etag,
            refs.object_version as object_version,
            versions.id as version_id
        from versions
        join collections on collections.id = versions.collection
        join projects on projects.id = collections.project
        join version_groups on version_groups.version = versions.id
        join group_segments on group_segments.segment_group = version_groups.segment_group
        join entries on entries.segment = group_segments.segment
        left join files on files.id = entries.file
        left join refs on refs.id = entries.ref
        join store;
        """,
    )


@migrations()
def m008_runs(db: Database) -> None:
    """Runs, what they logged, and which versions they used and produced."""
    _run(
        db,
        """
        create table runs (
            id integer primary key autoincrement,
            project integer not null references projects,
            uid text not null,
            name text not null,
            job_type text,
            run_group text,
            notes text,
            tags text not null default '[]' check (json_valid(tags)),
            config text not null default '{}' check (json_valid(config)),
            summary text not null default '{}' check (json_valid(summary)),
            environment text not null default '{}' check (json_valid(environment)),
            state text not null check (state in ('running', 'finished', 'failed', 'crashed')),
            session text,
            exit_code integer,
            started_at text not null,
            ended_at text,
            unique (project, uid)
        ) strict;
        -- a run whose session is over and that never said so has crashed
        create index runs_open on runs (session) where state = 'running';
        create table history (
            run integer not null references runs,
            step integer not null,
            data text not null check (json_valid(data)),
            primary key (run, step)
        ) strict, without rowid;
        create table uses (
            run integer not null references runs,
            version integer not null references versions,
            role text,
            at text not null,
            primary key (run, version)
        ) strict, without rowid;
        create index uses_by_version on uses (version);
        create table products (
            run integer not null references runs,
            version integer not null references versions,
            at text not null,
            primary key (run, version)
        ) strict, without rowid;
        create index products_by_version on products (version, at);
        """,
    )


@migrations()
def m009_links(db: Database) -> None:
    """Portfolios: collections of links that show versions under another name, with numbers and aliases of their own."""
    _run(
        db,
        """
        alter table collections add column portfolio integer not null default 0 check (portfolio in (0, 1));
        alter table collections add column tags text not null default '[]' check (json_valid(tags));
        create table links (
            id integer primary key autoincrement,
            collection integer not null references collections,
            number integer not null,
            version integer not null references versions,
            created_at text not null,
            removed_at text,
            unique (collection, number)
        ) strict;
        create index links_by_version on links (version) where removed_at is null;
        create table link_aliases (
            collection integer not null references collections,
            name text not null,
            link integer not null references links,
            primary key (collection, name)
        ) strict, without rowid;
        create index link_aliases_by_link on link_aliases (link);
        """,
    )


@migrations()
def m010_prefixes(db: Database) -> None:
    """The prefixes at which the references of a version were listed."""
    _run(
        db,
        """
        alter table versions add column prefixes text not null default '[]' check (json_valid(prefixes));
        """,
    )


@migrations()
def m011_compression(db: Database) -> None:
    """The compression of a store, and the bytes that compression saves in each pack."""
    _run(
        db,
        """
        alter table store add column compression text;
        alter table packs add column saved integer not null default 0 check (saved >= 0);
        """,
    )


@migrations()
def m012_pending(db: Database) -> None:
    """Pending versions, which several runs build together; until they are finished, their entries keep content."""
    _run(
        db,
        """
        create table pending (
            id integer primary key autoincrement,
            collection integer not null references collections,
            distributed_id text not null,
            description text,
            metadata text check (metadata is null or json_valid(metadata)),
            ttl integer check (ttl > 0),
            entries integer not null default 0,
            size integer not null default 0,
            upserts integer not null default 0,
            created_at text not null,
            updated_at text not null,
            version integer references versions
        ) strict;
        -- one is open at a time; one that was finished stays, so that its writers find what it became
        create unique index pending_open on pending (collection, distributed_id) where version is null;
        create table pending_entries (
            pending integer not null references pending,
            path text not null,
            kind integer not null check (kind between 1 and 4),
            executable integer not null default 0 check (executable in (0, 1)),
            file integer references files,
            target text,
            ref integer references refs,
            run integer references runs,
            primary key (pending, path),
            check ((kind = 1) = (file is not null)),
            check ((kind = 2) = (target is not null)),
            check ((kind = 4) = (ref is not null))
        ) strict, without rowid;
        create index pending_entries_by_file on pending_entries (file) where file is not null;
        create index pending_entries_by_ref on pending_entries (ref) where ref is not null;
        create table pending_runs (
            pending integer not null references pending,
            run integer not null references runs,
            at text not null,
            primary key (pending, run)
        ) strict, without rowid;
        create table pending_dependencies (
            pending integer not null references pending,
            target integer not null references versions,
            primary key (pending, target)
        ) strict, without rowid;
        create index pending_dependencies_by_target on pending_dependencies (target);
        create table pending_aliases (
            pending integer not null references pending,
            name text not null,
            primary key (pending, name)
        ) strict, without rowid;
        create table pending_prefixes (
            pending integer not null references pending,
            uri text not null,
            primary key (pending, uri)
        ) strict, without rowid;
        """,
    )


@migrations()
def m013_protected_aliases(db: Database) -> None:
    """Aliases of collections that can be moved only with `force`."""
    _run(
        db,
        """
        create table protected_aliases (
            collection integer not null references collections,
            name text not null,
            primary key (collection, name)
        ) strict, without rowid;
        """,
    )


@migrations()
def m014_row_checksums(db: Database) -> None:
    """Checksums of the rows that no digest covers (`catalog.row_checksums`)."""
    _run(
        db,
        """
        create table row_checksums (
            name text not null,
            owner integer not null,
            sum blob not null check (length(sum) = 16),
            primary key (name, owner)
        ) strict, without rowid;
        """,
    )
    row_checksums.renew(db.conn)


@migrations()
def m015_quarantine(db: Database) -> None:
    """Chunks that are damaged and were not healed, which nothing reuses (`catalog.quarantine`)."""
    _run(
        db,
        """
        create table quarantine (
            chunk integer primary key references chunks,
            at text not null
        ) strict;
        """,
    )


@migrations()
def m016_more_views(db: Database) -> None:
    """Views of runs, metrics, edges, links and events for queries that people write, and who moved which label."""
    _run(
        db,
        """
        create index events_of_labels on events (subject)
            where kind in ('alias-set', 'alias-removed', 'version-linked', 'version-unlinked');
        create view artifact_runs as
        select
            projects.name as project,
            runs.uid as run,
            runs.name as name,
            runs.state as state,
            runs.job_type as job_type,
            runs.run_group as run_group,
            runs.tags as tags,
            runs.notes as notes,
            runs.config as config,
            runs.summary as summary,
            runs.environment as environment,
            runs.exit_code as exit_code,
            runs.started_at as started_at,
            runs.ended_at as ended_at,
            runs.id as run_id
        from runs join projects on projects.id = runs.project;
        create view artifact_metrics as
        select
            projects.name as project,
            runs.uid as run,
            history.step as step,
            logged.key as metric,
            logged.value as value,
            json_extract(history.data, '$._runtime') as seconds,
            runs.id as run_id
        from runs
        join projects on projects.id = runs.project
        join history on history.run = runs.id
        join json_each(history.data) as logged
        where logged.type in ('integer', 'real') and logged.key not in ('_step', '_timestamp', '_runtime');
        create view artifact_edges as
        select
            'used' as kind,
            projects.name || '/' || collections.name || ':v' || versions.number as source,
            owners.name || '/' || runs.uid as target,
            uses.role as role,
            uses.at as at,
            versions.id as version_id,
            runs.id as run_id
        from uses
        join versions on versions.id = uses.version
        join collections on collections.id = versions.collection
        join projects on projects.id = collections.project
        join runs on runs.id = uses.run
        join projects as owners on owners.id = runs.project
        union all
        select
            'produced',
            owners.name || '/' || runs.uid,
            projects.name || '/' || collections.name || ':v' || versions.number,
            null,
            products.at,
            versions.id,
            runs.id
        from products
        join versions on versions.id = products.version
        join collections on collections.id = versions.collection
        join projects on projects.id = collections.project
        join runs on runs.id = products.run
        join projects as owners on owners.id = runs.project
        union all
        select
            'references',
            sources.name || '/' || contained.name || ':v' || referenced.number,
            projects.name || '/' || collections.name || ':v' || versions.number,
            null,
            versions.created_at,
            versions.id,
            null
        from dependencies
        join versions on versions.id = dependencies.version
        join collections on collections.id = versions.collection
        join projects on projects.id = collections.project
        join versions as referenced on referenced.id = dependencies.target
        join collections as contained on contained.id = referenced.collection
        join projects as sources on sources.id = contained.project;
        create view artifact_links as
        select
            projects.name as project,
            collections.name as collection,
            'v' || links.number as version,
            links.number as number,
            (
                select json_group_array(name) from (
                    select link_aliases.name from link_aliases where link_aliases.link = links.id
                    union all
                    select 'latest' where links.number = (
                        select max(shown.number) from links as shown
                        where shown.collection = links.collection and shown.removed_at is null
                    )
                )
            ) as aliases,
            sources.name || '/' || contained.name || ':v' || versions.number as source,
            links.created_at as created_at,
            links.removed_at as removed_at,
            versions.id as version_id
        from links
        join collections on collections.id = links.collection
        join projects on projects.id = collections.project
        join versions on versions.id = links.version
        join collections as contained on contained.id = versions.collection
        join projects as sources on sources.id = contained.project;
        create view artifact_events as
        select
            events.id as event,
            events.at as at,
            events.kind as kind,
            events.subject as subject,
            json_extract(events.detail, '$.by') as user,
            events.detail as detail
        from events;
        """,
    )


@migrations()
def m017_run_files(db: Database) -> None:
    """The files that runs keep: what they saved, and the media that they logged. They keep content as entries do."""
    _run(
        db,
        """
        create table run_files (
            run integer not null references runs,
            path text not null,
            file integer not null references files,
            stored_at text not null,
            primary key (run, path)
        ) strict, without rowid;
        -- deleting asks whether a run still holds a file
        create index run_files_by_file on run_files (file);
        """,
    )


@migrations()
def m018_registries(db: Database) -> None:
    """The fields of registries, and the step at which a run logged a version."""
    _run(
        db,
        """
        alter table projects add column description text;
        alter table projects add column visibility text check (visibility in ('organization', 'restricted'));
        alter table projects add column artifact_types text
            check (artifact_types is null or json_valid(artifact_types));
        alter table projects add column created_at text;
        alter table projects add column updated_at text;
        alter table products add column step integer check (step >= 0);
        """,
    )


@migrations()
def m019_preempting(db: Database) -> None:
    """Whether a run said that it would be preempted: if it then fails or crashes, it is `preempted`."""
    _run(
        db,
        """
        alter table runs add column preempting integer not null default 0 check (preempting in (0, 1));
        drop view artifact_runs;
        create view artifact_runs as
        select
            projects.name as project,
            runs.uid as run,
            runs.name as name,
            case when runs.preempting and runs.state in ('failed', 'crashed') then 'preempted'
                else runs.state end as state,
            runs.job_type as job_type,
            runs.run_group as run_group,
            runs.tags as tags,
            runs.notes as notes,
            runs.config as config,
            runs.summary as summary,
            runs.environment as environment,
            runs.exit_code as exit_code,
            runs.started_at as started_at,
            runs.ended_at as ended_at,
            runs.id as run_id
        from runs join projects on projects.id = runs.project;
        """,
    )


@migrations()
def m020_stat_blocks(db: Database) -> None:
    """The stat cache by blocks of files, with checksums (`catalog.stat_cache`).

    What was known of files is forgotten, so each is read once more. The tables from before stay for older artstores.
    """
    _run(
        db,
        """
        delete from stat_cache;
        delete from stat_folders;
        create table stat_blocks (
            folder blob not null,
            first blob not null,
            names blob not null,
            stats blob not null,
            files blob not null,
            digests blob not null,
            checksum blob not null,
            primary key (folder, first)
        ) strict;
        """,
    )


@migrations()
def m021_living_links(db: Database) -> None:
    """Which link is the newest in a collection that is not removed? Thousands of removed ones may follow it."""
    _run(
        db,
        """
        create index links_living on links (collection, number) where removed_at is null;
        """,
    )


@migrations()
def m022_quarantined_rows(db: Database) -> None:
    """Damaged rows that were not healed (`catalog.row_quarantine`), and checksums for the last rows without."""
    _run(
        db,
        """
        create table quarantined_rows (
            name text not null,
            owner integer not null,
            at text not null,
            fault text not null,
            original text not null check (json_valid(original)),
            primary key (name, owner)
        ) strict, without rowid;
        """,
    )
    row_checksums.renew(db.conn, ("pending_entries", "quarantine"))
