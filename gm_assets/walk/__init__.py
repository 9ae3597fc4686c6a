"""The walk: a small read-only web application over one library, for a browser on this machine.

Pages show what the derived stores hold (chains, stages, documents, links with their evidence,
gaps); pictures come from the files through thumbnails. The Dagster UI links to these pages and
shows these thumbnails.
"""

from gm_assets.walk.app import create_app, serve

__all__ = ["create_app", "serve"]
