"""Advanced Machine Learning (CS60073), assignment 3: the sheet's facts, solutions and typical mistakes."""
