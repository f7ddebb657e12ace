"""The notebook's own Keras code (latent size 2), one epoch for each line on standard input.

vs_keras.py runs it in a separate environment; it prints the seconds of each epoch, and the peak memory at the end.
"""

import os
import resource
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from sklearn.model_selection import train_test_split
from tensorflow.keras import Model, layers

with np.load(sys.argv[1]) as arrays:
    x_train_full, y_train_full = arrays["x_train"], arrays["y_train"]
    x_test = arrays["x_test"]
x_train_full = np.expand_dims(x_train_full.astype("float32") / 255.0, -1)
x_test = np.expand_dims(x_test.astype("float32") / 255.0, -1)
x_train, x_val, y_train, y_val = train_test_split(
    x_train_full, y_train_full, test_size=0.2, random_state=42, stratify=y_train_full
)

latent_dim = 2
encoder_inputs = layers.Input(shape=(28, 28, 1))
x = layers.Flatten()(encoder_inputs)
x = layers.Dense(256, activation="relu")(x)
x = layers.Dense(128, activation="relu")(x)
z_mean = layers.Dense(latent_dim, name="z_mean")(x)
z_log_var = layers.Dense(latent_dim, name="z_log_var")(x)


def sampling(args):
    z_mean, z_log_var = args
    epsilon = tf.random.normal(shape=tf.shape(z_mean))
    return z_mean + tf.exp(0.5 * z_log_var) * epsilon


z = layers.Lambda(sampling, name="z")([z_mean, z_log_var])
encoder = Model(encoder_inputs, [z_mean, z_log_var, z])

latent_inputs = layers.Input(shape=(latent_dim,))
x = layers.Dense(128, activation="relu")(latent_inputs)
x = layers.Dense(256, activation="relu")(x)
x = layers.Dense(28 * 28, activation="sigmoid")(x)
decoder = Model(latent_inputs, layers.Reshape((28, 28, 1))(x))


class VAE(Model):
    def __init__(self, encoder, decoder, **kwargs):
        super().__init__(**kwargs)
        self.encoder, self.decoder = encoder, decoder
        self.trackers = [tf.keras.metrics.Mean(name=n) for n in ("loss", "reconstruction_loss", "kl_loss")]

    @property
    def metrics(self):
        return self.trackers

    def call(self, inputs):
        _, _, z = self.encoder(inputs)
        return self.decoder(z)

    def losses_of(self, data, training):
        z_mean, z_log_var, z = self.encoder(data, training=training)
        reconstruction = self.decoder(z, training=training)
        reconstruction_loss = tf.reduce_sum(tf.keras.losses.binary_crossentropy(data, reconstruction), axis=(1, 2))
        kl_loss = -0.5 * tf.reduce_sum(1 + z_log_var - tf.square(z_mean) - tf.exp(z_log_var), axis=1)
        return tf.reduce_mean(reconstruction_loss + kl_loss), reconstruction_loss, kl_loss

    def track(self, total, reconstruction_loss, kl_loss):
        values = (total, tf.reduce_mean(reconstruction_loss), tf.reduce_mean(kl_loss))
        for tracker, value in zip(self.trackers, values, strict=True):
            tracker.update_state(value)
        return {m.name: m.result() for m in self.metrics}

    def train_step(self, data):
        if isinstance(data, tuple):
            data = data[0]
        with tf.GradientTape() as tape:
            parts = self.losses_of(data, training=True)
        grads = tape.gradient(parts[0], self.trainable_weights)
        self.optimizer.apply_gradients(zip(grads, self.trainable_weights, strict=True))
        return self.track(*parts)

    def test_step(self, data):
        if isinstance(data, tuple):
            data = data[0]
        return self.track(*self.losses_of(data, training=False))


class Turns(tf.keras.callbacks.Callback):
    """Waits for a turn, then times the epoch with its validation and prints the time."""

    def on_epoch_begin(self, epoch, logs=None):
        if not sys.stdin.readline():
            raise SystemExit
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        print(f"seconds {time.perf_counter() - self.began} {float(logs['val_loss'])}", flush=True)


vae = VAE(encoder, decoder)
vae.compile(optimizer=tf.keras.optimizers.Adam())
vae.fit(
    x_train, epochs=int(sys.argv[2]), batch_size=128, validation_data=(x_val, x_val), callbacks=[Turns()], verbose=0
)
print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}", flush=True)
