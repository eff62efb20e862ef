"""Every error that artstore raises on purpose, in one tree, grouped by what a caller would do about it.

    ArtstoreError
      CommError                  what was asked for is not there, is of another type, or is still needed
        NotFound                   also a LookupError
          NoEntry                    also a KeyError and a FileNotFoundError
        WrongType                  also a ValueError
        StillNeeded                also a ValueError: aliased, or referenced by a living version
          ProtectedAlias             an alias that moves or goes only by force
      InvalidInput               also a ValueError: say it differently
        InvalidName
        InvalidPath
        NotJson                    also a TypeError: metadata, config or values that JSON cannot say
        PathConflict               two entries cannot both be where they were put
        InvalidUri                 a reference that is no URI, or one that no driver can follow
        SecretInUri                a reference that works only with a secret in it
        TooManyObjects             a prefix holds more objects than were asked for
        WrongValue                 also a TypeError: a value of a kind that cannot be there
      SourceError                also an OSError: the files to add cannot be taken as they are
        SourceUnreadable         also a ValueError
          SourceMissing            also a FileNotFoundError
        SourceChanged
        LinkCycle
      RemoteError                an object kept elsewhere cannot be had, or is not what it was
        ReferenceGone              also a FileNotFoundError
        ReferenceChanged           also a ValueError
        AccessDenied               also a PermissionError
        Unreachable                also a ConnectionError: trying again later may help
        BadReply                   also an OSError: the server answered what nobody can use
        NoDriver                   also a ValueError: nothing here knows the scheme
          MissingExtra             also an ImportError
      StoreError                 the folder, file system or disk does not let us work
        NoStore                    also a FileNotFoundError
        NotAStore
        NewerStore
        NetworkFileSystem
        StoreBusy                  also a TimeoutError
        DiskFull                   also an OSError
      MissingLibrary             also an ImportError: something needs a library that is not installed
      UsageError                 called too early, too late, or where it has no meaning
      ArtifactStatusError        also an AttributeError: not what can be done with the artifact as it is
        ArtifactNotLoggedError     the artifact is no version yet
        ArtifactFinalizedError     the artifact is a version, and cannot be changed
      WaitTimeoutError           also a TimeoutError: the artifact is not committed yet
      DownloadDiffers            also a ValueError: a folder is not what the version is
        DownloadMissing            also a FileNotFoundError
      UnsafeRoot                 also an OSError: a download would have to write through a link
      RootUnwritable             also an OSError: a download cannot write where it should
      Damaged                    stored bytes or rows are not what was stored

The message of each names the thing, what was expected, and the next step. A step that is an argument reads
`pass force=True` or `pass name=...`: the command line shows these as its options (`--force`, `--as ...`).
"""

from __future__ import annotations


class ArtstoreError(Exception):
    """The base of every error that artstore raises on purpose."""


class CommError(ArtstoreError):
    """What was asked for is not there, is of another type, or is still needed."""


class NotFound(CommError, LookupError):
    """No such project, collection, version, alias, entry or run."""


class NoEntry(NotFound, KeyError, FileNotFoundError):
    """No entry at a path of an artifact."""

    # A KeyError shows its message quoted.
    __str__ = Exception.__str__


class WrongType(CommError, ValueError):
    """The collection exists, and has another type."""


class StillNeeded(CommError, ValueError):
    """The version has aliases, or a living version references it."""


class ProtectedAlias(StillNeeded):
    """An alias that its collection protects: it moves or goes only by force."""


class InvalidInput(ArtstoreError, ValueError):
    """An argument that no store could accept."""


class InvalidName(InvalidInput):
    """A name, alias, tag or type that is not allowed."""


class InvalidPath(InvalidInput):
    """A path that no entry may have."""


class NotJson(InvalidInput, TypeError):
    """Metadata, a config or values logged that JSON cannot say."""


class PathConflict(InvalidInput):
    """Two entries that cannot both be where they were put."""


class InvalidUri(InvalidInput):
    """A reference that is no URI, or one that its driver cannot follow."""


class SecretInUri(InvalidInput):
    """A reference that works only with a secret in it: it would be written down, and it expires."""


class TooManyObjects(InvalidInput):
    """A prefix holds more objects than were asked for."""


class WrongValue(InvalidInput, TypeError):
    """A value of a kind that cannot be where it was put."""


class SourceError(ArtstoreError, OSError):
    """A file or folder that cannot be added as it is."""


class SourceUnreadable(SourceError, ValueError):
    """A file or folder that cannot be read."""


class SourceMissing(SourceUnreadable, FileNotFoundError):
    """A file or folder that is not there."""


class SourceChanged(SourceError):
    """A file that kept changing while it was read."""


class LinkCycle(SourceError):
    """A link to a folder that leads back to itself."""


class RemoteError(ArtstoreError):
    """An object kept elsewhere cannot be had, or is not what it was."""


class ReferenceGone(RemoteError, FileNotFoundError):
    """There is no such object, version, bucket or prefix, or not any more."""


class ReferenceChanged(RemoteError, ValueError):
    """Something else is where the object was, and the server has not kept what was there."""


class AccessDenied(RemoteError, PermissionError):
    """The server does not let us: no credentials, wrong ones, or ones without the permission."""


class Unreachable(RemoteError, ConnectionError):
    """The server cannot be reached, answers too late, or says that it cannot answer now."""

    wait: float = 0
    """How long the server asks to wait before the next try, in seconds."""


class BadReply(RemoteError, OSError):
    """The server answered, and not in a way that helps."""


class NoDriver(RemoteError, ValueError):
    """No driver and no fsspec file system knows the scheme."""


class MissingExtra(NoDriver, ImportError):
    """The driver is there, and the library that it works with is not installed."""


class StoreError(ArtstoreError):
    """The folder, the file system or the disk does not let the store work."""


class NoStore(StoreError, FileNotFoundError):
    """There is no store where one was looked for."""


class NotAStore(StoreError):
    """The folder holds something else."""


class NewerStore(StoreError):
    """The store was written by a newer artstore."""


class NetworkFileSystem(StoreError):
    """The folder lies on a file system on which SQLite cannot lock reliably."""


class StoreBusy(StoreError, TimeoutError):
    """Another program holds the catalog's write lock for too long."""


class DiskFull(StoreError, OSError):
    """There is no space left for what was to be written."""


class MissingLibrary(ArtstoreError, ImportError):
    """Something needs a library that is not installed."""


class UsageError(ArtstoreError):
    """Something was called too early, too late, or where it has no meaning."""


class ArtifactStatusError(ArtstoreError, AttributeError):
    """Something that cannot be done with the artifact as it is."""


class ArtifactNotLoggedError(ArtifactStatusError):
    """Something that only a version has was asked of an artifact that is none yet."""


class ArtifactFinalizedError(ArtifactStatusError):
    """A version cannot be changed."""


class WaitTimeoutError(ArtstoreError, TimeoutError):
    """The artifact was not committed within the time given."""


class DownloadDiffers(ArtstoreError, ValueError):
    """A folder is not what the version is."""


class DownloadMissing(DownloadDiffers, FileNotFoundError):
    """A folder lacks a file of the version."""


class UnsafeRoot(ArtstoreError, OSError):
    """A download would have to write through a link, out of its folder."""


class RootUnwritable(ArtstoreError, OSError):
    """A download cannot write where it should."""


class Damaged(ArtstoreError):
    """Stored bytes or rows that are not what was stored."""


Error = ArtstoreError
"""W&B's name for the base of all its errors."""
