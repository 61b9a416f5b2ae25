import os
import json
import pickle
import numpy as np
import xgboost as xgb

def model_fn(model_dir):
    """
    Load the model for inference

    Args:
        model_dir: Directory where model is saved

    Returns:
        Loaded model object
    """
    model_file = os.path.join(model_dir, 'xgboost-model')
    model = xgb.Booster()
    model.load_model(model_file)
    return model

def input_fn(request_body, content_type='text/csv'):
    """
    Parse input data

    Args:
        request_body: Raw input data
        content_type: Content type of input

    Returns:
        Processed input ready for prediction
    """
    if content_type == 'text/csv':
        # Parse CSV input
        lines = request_body.strip().split('\n')
        return np.array([line.split(',') for line in lines], dtype=np.float32)
    elif content_type == 'application/json':
        # Parse JSON input
        return np.array(json.loads(request_body), dtype=np.float32)
    else:
        raise ValueError(f"Unsupported content type: {content_type}")

def predict_fn(input_data, model):
    """
    Make predictions

    Args:
        input_data: Processed input data
        model: Loaded model

    Returns:
        Model predictions
    """
    dmatrix = xgb.DMatrix(input_data)
    predictions = model.predict(dmatrix)

    # Add custom business logic
    # Example: Convert probabilities to classes
    return (predictions > 0.5).astype(int)

def output_fn(prediction, accept='text/csv'):
    """
    Format output

    Args:
        prediction: Model predictions
        accept: Desired output format

    Returns:
        Formatted output
    """
    if accept == 'text/csv':
        return '\n'.join([str(pred) for pred in prediction])
    elif accept == 'application/json':
        return json.dumps(prediction.tolist())
    else:
        raise ValueError(f"Unsupported accept type: {accept}")
