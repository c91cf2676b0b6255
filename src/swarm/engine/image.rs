//! The images of an engine: which there are, and how they get there without a registry.

use std::collections::BTreeMap;
use std::io;

use bollard::body_try_stream;
use bollard::query_parameters::{CreateImageOptions, ImportImageOptions, ListImagesOptions};
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};

use super::{Engine, seen};
use crate::journal::ApiError;

impl Engine {
    /// Asks for the images: each name with its tag, to the image's identity.
    ///
    /// # Errors
    /// When the engine gives no usable answer.
    pub async fn images(&self) -> Result<BTreeMap<String, String>, ApiError> {
        let list = self.docker.list_images(None::<ListImagesOptions>);
        let list = self.call("images", list).await?;
        Ok(seen::images(list))
    }

    /// Asks whether an image of this name is listed.
    ///
    /// # Errors
    /// When the engine gives no usable answer.
    pub async fn has_image(&self, image: &str) -> Result<bool, ApiError> {
        let listed = self.images().await?;
        Ok(listed.contains_key(&seen::listed_as(image)))
    }

    /// Loads an archive that `docker save` wrote.
    ///
    /// # Errors
    /// When the engine refuses the archive, the archive cannot be read, or no usable answer comes.
    pub async fn load_image<S>(&self, archive: S) -> Result<(), ApiError>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        let options = ImportImageOptions {
            quiet: true,
            ..Default::default()
        };
        let body = body_try_stream(archive);
        let lines = self.docker.import_image(options, body, None);
        self.call("image load", lines.try_for_each(|_| async { Ok(()) }))
            .await
    }

    /// Makes an image from a tar of a root file system, with `Dockerfile` instructions such as
    /// `CMD ["nginx"]`.
    ///
    /// # Errors
    /// When the engine refuses the tar, the tar cannot be read, or no usable answer comes.
    pub async fn import_image<S>(
        &self,
        name: &str,
        instructions: &[String],
        tar: S,
    ) -> Result<(), ApiError>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        let options = CreateImageOptions {
            from_src: Some("-".to_owned()),
            repo: Some(name.to_owned()),
            changes: instructions.to_vec(),
            ..Default::default()
        };
        let body = body_try_stream(tar);
        let lines = self.docker.create_image(Some(options), Some(body), None);
        self.call("image import", lines.try_for_each(|_| async { Ok(()) }))
            .await
    }
}
