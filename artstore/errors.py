"""All errors that artstore raises on purpose, in one tree, grouped by what a caller can do about them.

    ArtstoreError
      CommError                    what was asked for does not exist, has another type, or is still needed
        AuthenticationError          W&B's: artstore never raises it
        NotFound                     also a LookupError
          NoEntry                      also a KeyError and a FileNotFoundError
        WrongType                    also a ValueError
        StillNeeded                  also a ValueError
          ProtectedAlias
      InvalidInput                 also a ValueError: an argument that no store could accept
        InvalidName
        InvalidPath
        NotJson                      also a TypeError
        PathConflict
        InvalidUri
        SecretInUri
        TooManyObjects
        WrongValue                   also a TypeError
        NotAModel                    also an AssertionError, as in W&B
      SourceError                  also an OSError: a file or folder that cannot be added as it is
        SourceUnreadable             also a ValueError
          SourceMissing                also a FileNotFoundError
        SourceChanged
        LinkCycle
      RemoteError                  a referenced object is not available, or changed
        ReferenceGone                also a FileNotFoundError
        ReferenceChanged             also a ValueError
        AccessDenied                 also a PermissionError
        Unreachable                  also a ConnectionError: trying again later may help
        BadReply                     also an OSError
        NoDriver                     also a ValueError
          MissingExtra                 also an ImportError
      StoreError                   the folder, the file system or the disk prevents the store from working
        NoStore                      also a FileNotFoundError
        NotAStore
        ForeignStore
        NewerStore
        NetworkFileSystem
        StoreReadOnly
        StoreBusy                    also a TimeoutError
        DiskFull                     also an OSError
      MissingLibrary               also an ImportError
      UsageError                   a call at the wrong time or in the wrong place
        UnsupportedError             something that needs W&B's server
      ArtifactStatusError          also an AttributeError: not possible in the state of the artifact
        ArtifactNotLoggedError
        ArtifactFinalizedError
      WaitTimeoutError             also a TimeoutError
      DownloadDiffers              also a ValueError: a folder differs from the version
        DownloadMissing              also a FileNotFoundError
      UnsafeRoot                   also an OSError
      RootUnwritable               also an OSError
      Damaged                      stored content or catalog rows are damaged

The classes below follow in this order. Every message names the thing, what was expected, and the next step.
"""

from __future__ import annotations


class ArtstoreError(Exception):
    """The base of all errors that artstore raises on purpose."""

    def __str__(self) -> str:
        # A message may quote a name that is not UTF-8, and has to be written to logs and terminals nevertheless.
        return super().__str__().encode("utf-8", "backslashreplace").decode()


# What was asked for does not exist, has another type, or is still needed.


class CommError(ArtstoreError):
    """Something does not exist, has another type, or is still needed. The name is W&B's."""


class AuthenticationError(CommError):
    """An access without valid credentials. Programs catch it; a store has no accounts, so artstore never raises it."""


class NotFound(CommError, LookupError):
    """A project, collection, version, alias, entry or run does not exist."""


class NoEntry(NotFound, KeyError, FileNotFoundError):
    """An artifact has no entry at a path."""

    def __str__(self) -> str:
        # A KeyError would show its message in quotes.
        return Exception.__str__(self).encode("utf-8", "backslashreplace").decode()


class WrongType(CommError, ValueError):
    """The collection exists, but has another type."""


class StillNeeded(CommError, ValueError):
    """The version has aliases, or a version that is not deleted references it."""


class ProtectedAlias(StillNeeded):
    """The collection protects the alias: it can only be moved or removed with `force`."""


# An argument is wrong.


class InvalidInput(ArtstoreError, ValueError):
    """An argument that no store could accept."""


class InvalidName(InvalidInput):
    """A name, alias, tag or type that is not allowed."""


class InvalidPath(InvalidInput):
    """A path that is not allowed for an entry."""


class NotJson(InvalidInput, TypeError):
    """Metadata, a config or logged values that cannot be written as JSON."""


class PathConflict(InvalidInput):
    """Two entries whose paths exclude each other: the same path, or one below the other."""


class InvalidUri(InvalidInput):
    """A reference that is not a URI, or not one that its driver understands."""


class SecretInUri(InvalidInput):
    """A URI that contains a secret, which would be stored with the reference and expires."""


class TooManyObjects(InvalidInput):
    """A prefix has more objects than `max_objects`."""


class WrongValue(InvalidInput, TypeError):
    """A value of a type that is not accepted there."""


class ConfigError(InvalidInput):
    """A key of a config has another value already."""


class NotAModel(InvalidInput, AssertionError):
    """A call for models got another artifact, or a path instead of a name: W&B asserts that it is neither."""


# The files to add are not usable.


class SourceError(ArtstoreError, OSError):
    """A file or folder that cannot be added as it is."""


class SourceUnreadable(SourceError, ValueError):
    """A file or folder that cannot be read."""


class SourceMissing(SourceUnreadable, FileNotFoundError):
    """A file or folder that does not exist."""


class SourceChanged(SourceError):
    """A file that changed while it was read, or after an object was created from it."""


class LinkCycle(SourceError):
    """A link to a folder that contains the link."""


# Objects outside the store are not available.


class RemoteError(ArtstoreError):
    """A referenced object is not available, or changed."""


class ReferenceGone(RemoteError, FileNotFoundError):
    """The object, version, bucket or prefix does not exist, or no longer exists."""


class ReferenceChanged(RemoteError, ValueError):
    """The object changed, and the server does not have the old version."""


class AccessDenied(RemoteError, PermissionError):
    """The server denies access: credentials are missing, wrong, or lack the permission."""


class Unreachable(RemoteError, ConnectionError):
    """The server cannot be reached, answers too late, or reports that it is busy."""

    wait: float = 0
    """How long the server asks to wait before the next attempt, in seconds."""


class BadReply(RemoteError, OSError):
    """The server replied with something that cannot be used."""


class NoDriver(RemoteError, ValueError):
    """Neither a driver nor fsspec knows the scheme."""


class MissingExtra(NoDriver, ImportError):
    """The library that the driver needs is not installed."""


# The store does not work.


class StoreError(ArtstoreError):
    """The folder, the file system or the disk prevents the store from working."""


class NoStore(StoreError, FileNotFoundError):
    """The folder does not contain a store."""


class NotAStore(StoreError):
    """The folder contains something other than a store."""


class ForeignStore(StoreError):
    """A store that was found, and not named, belongs to another user."""


class NewerStore(StoreError):
    """The store was written by a newer artstore."""


class NetworkFileSystem(StoreError):
    """The folder is on a file system on which SQLite's locks are not reliable."""


class StoreReadOnly(StoreError):
    """The store can be read, but not written: by this user, or on this file system."""


class StoreBusy(StoreError, TimeoutError):
    """Another program held the catalog's write lock for too long."""


class DiskFull(StoreError, OSError):
    """There is not enough space on the disk."""


# Libraries, calls, and the state of artifacts.


class MissingLibrary(ArtstoreError, ImportError):
    """A library that is needed is not installed."""


class UsageError(ArtstoreError):
    """A call at the wrong time, or where it has no meaning."""


class UnsupportedError(UsageError):
    """Something that needs W&B's server, or that artstore does not have."""


class ArtifactStatusError(ArtstoreError, AttributeError):
    """Something that is not possible in the state of the artifact."""


class ArtifactNotLoggedError(ArtifactStatusError):
    """Something that only a version has, of an artifact that was not logged yet."""


class ArtifactFinalizedError(ArtifactStatusError):
    """A change of a version, which is immutable."""


class WaitTimeoutError(ArtstoreError, TimeoutError):
    """The artifact was not committed in time."""


# Downloads.


class DownloadDiffers(ArtstoreError, ValueError):
    """A folder differs from the version."""


class DownloadMissing(DownloadDiffers, FileNotFoundError):
    """A folder lacks a file of the version."""


class UnsafeRoot(ArtstoreError, OSError):
    """The download would write outside its folder, through a link."""


class RootUnwritable(ArtstoreError, OSError):
    """The download cannot write to its folder."""


# Stored content.


class Damaged(ArtstoreError):
    """Stored content or catalog rows differ from what was stored."""


Error = ArtstoreError
"""W&B's name for the base of all errors."""
