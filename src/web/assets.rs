//! Style, script and icon: part of the program, under names that change with what is in them, so that
//! a browser keeps them for good.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

/// One file.
pub struct Asset {
    /// Where it is served.
    pub path: String,
    media_type: &'static str,
    content: &'static str,
}

/// All files.
pub struct Assets {
    /// How pages look.
    pub style: Asset,
    /// Keys.
    pub script: Asset,
    /// The site's icon.
    pub icon: Asset,
}

/// The files of this build.
pub static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    style: Asset::new("desk", "css", "text/css", include_str!("static/desk.css")),
    script: Asset::new(
        "desk",
        "js",
        "text/javascript",
        include_str!("static/desk.js"),
    ),
    icon: Asset::new(
        "icon",
        "svg",
        "image/svg+xml",
        include_str!("static/icon.svg"),
    ),
});

impl Asset {
    fn new(name: &str, extension: &str, media_type: &'static str, content: &'static str) -> Self {
        let digest = Sha256::digest(content.as_bytes());
        let mark = HEXLOWER.encode(digest.first_chunk::<8>().unwrap_or(&[0; 8]));
        Self {
            path: format!("/static/{name}-{mark}.{extension}"),
            media_type,
            content,
        }
    }
}

/// Serves one of the files.
pub async fn serve(Path(name): Path<String>) -> Response {
    let assets = &*ASSETS;
    let wanted = format!("/static/{name}");
    let found = [&assets.style, &assets.script, &assets.icon]
        .into_iter()
        .find(|asset| asset.path == wanted);
    match found {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(asset) => {
            let headers = [
                (
                    header::CONTENT_TYPE,
                    format!("{}; charset=utf-8", asset.media_type),
                ),
                (
                    header::CACHE_CONTROL,
                    "public, max-age=31536000, immutable".to_owned(),
                ),
            ];
            (headers, asset.content).into_response()
        }
    }
}
