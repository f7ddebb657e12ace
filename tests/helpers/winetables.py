"""Two real tables of mixed columns, the same in every version of the libraries: no random numbers are drawn."""

import numpy as np
import pandas as pd
from sklearn.datasets import load_wine


def tables():
    """Even and odd rows of the wine data, with categories, a date and holes made of them."""
    wine = load_wine()
    x = pd.DataFrame(wine.data, columns=wine.feature_names)
    i = np.arange(len(x))
    tint = pd.Series(np.array(["pale", "mid", "dark"])[np.digitize(x["color_intensity"], [3.5, 6.0])], dtype=object)
    table = pd.DataFrame(
        {
            "alcohol": x["alcohol"].mask((i % 6 == 1) | (i % 16 == 0)),
            "proline": x["proline"].astype("int64"),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta((x["hue"] * 100).round(), unit="D"),
            "class": pd.Series(wine.target_names[wine.target], dtype=object),
            "tint": tint.mask(i % 8 == 3),
            "strong": x["alcohol"] > 13,
        }
    )
    return table.iloc[::2].reset_index(drop=True), table.iloc[1::2].reset_index(drop=True)
